process PREPARE {
    tag "${meta.id}"
    label 'scan'

    input:
    tuple val(meta), path(image, stageAs: 'image/*'), path(brain, stageAs: 'brain/*')
    val conform
    val code

    output:
    tuple val(meta), path("prepared/${meta.id}"), emit: prepared
    path "published/${meta.id}/*", emit: published

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'prepare.py' image/* --scan ${meta.id} ${brain ? '--brain brain/*' : ''} --out prepared/${meta.id} \\
        --strip ${conform.steps.strip} ${conform.steps.bias ? '--bias' : '--no-bias'} \\
        ${conform.steps.register ? '--register' : '--no-register'} --device cpu
    # Apart: Nextflow publishes no file of a folder that is an output itself
    mkdir published
    cp -r prepared/${meta.id} published/${meta.id}
    """

    stub:
    """
    'prepare.py' --help > /dev/null
    mkdir -p prepared/${meta.id} published/${meta.id}
    touch {prepared,published}/${meta.id}/{preparation.json,picture.png,brain.nii.gz}
    """
}
