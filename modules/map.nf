include { staged } from './inputs'

process MAP {
    tag "${meta.id}"
    label 'scan'

    input:
    tuple val(meta), path(image, stageAs: 'image/*'), path(prepared, stageAs: 'prepared/*'), path(slices, stageAs: 'slices/*'), path(reconstruction, stageAs: 'reconstruction/*')
    val args
    val code

    output:
    tuple val(meta), path("mapped/${meta.id}"), emit: mapped
    path "maps/${meta.id}/*.nii.gz", emit: maps

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    'map.py' slices/${meta.id} reconstruction/${meta.id} ${staged('image', image)} ${prepared ? "--prepared prepared/${meta.id}" : ''} \\
        --out mapped/${meta.id} ${args}
    # Apart: Nextflow publishes no file of a folder that is an output itself
    mkdir -p maps/${meta.id}
    mv mapped/${meta.id}/*.nii.gz maps/${meta.id}
    """

    stub:
    """
    'map.py' --help > /dev/null
    mkdir -p mapped/${meta.id} maps/${meta.id}
    touch mapped/${meta.id}/scores.npz maps/${meta.id}/${meta.id}_{pseudohealthy,anomaly,contrast,confidence,likeness,residual}.nii.gz
    """
}
