process RECONSTRUCT {
    tag "${meta.id}"
    label 'scan'
    label 'gpu'

    input:
    tuple val(meta), path(image, stageAs: 'image/*'), path(slices, stageAs: 'slices/*')
    path model, stageAs: 'model/*'
    path embedding, stageAs: 'embedding/*'
    path weights, stageAs: 'weights/*'
    path settings
    val debug
    val args
    val code

    output:
    tuple val(meta), path("reconstruction/${meta.id}"), emit: reconstruction
    path "maps/${meta.id}/*.nii.gz", emit: maps
    path "debug/${meta.id}/*.png", emit: debug, optional: true

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    reconstruct.py slices/${meta.id} image/* --out reconstruction/${meta.id} \\
        --model model/* ${embedding ? '--embedding embedding/*' : ''} ${weights ? '--weights weights/*' : ''} \\
        ${settings ? "--settings ${settings}" : ''} ${debug ? "--debug debug/${meta.id}" : ''} ${args}
    # Apart: Nextflow publishes no file of a folder that is an output itself
    mkdir -p maps/${meta.id}
    mv reconstruction/${meta.id}/*.nii.gz maps/${meta.id}
    """

    stub:
    """
    reconstruct.py --help > /dev/null
    mkdir -p reconstruction/${meta.id} maps/${meta.id}
    touch maps/${meta.id}/${meta.id}_{pseudohealthy,anomaly,contrast,confidence,disease,residual}.nii.gz
    """
}
